"""Web: what people see and type into. Agent desk, help centre, widget, JSON API, live stream.

Lives here: handlers, the view models that templates are filled from (`views`), formats, templates.
May import: core, services. Decides nothing: each handler does one act or asks one question.
"""
