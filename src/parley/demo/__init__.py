"""The demo company: Wrenfield Goods, a retailer of the desk's own invention, with two brands.

Lives here: its brands, products, customers, orders, agents, articles, test questions, a week of
conversations and the customers who go on writing. Data and pure functions: the same `now` and
seed give the same company. Every address ends in a domain that can never exist (RFC 2606).
`show.py` puts it on stage with its post office (`post.py`) and the customers' phone (`phone.py`),
whose apps (`apps.py`) speak with the desk through `simulators/`.
"""
