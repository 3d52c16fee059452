"""How much will come, and how sure that is: counts per half hour, hour or day carried forward.

`forecast` in outlook.py is the one question asked from outside. The methods stand in models.py and
smoothing.py; each may look only at what lies before the moment of forecasting, and a test holds them to it.
"""

BAND = 0.8  # the share of what comes that a forecast's band is to hold
