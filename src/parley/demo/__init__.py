"""The demo company: Wrenfield Goods, a retailer of the desk's own invention, with two brands.

Lives here: its brands, products, customers, orders, agents, articles, test questions, a week of
conversations and the customers who go on writing. Data and pure functions: the same `now` and
seed give the same company. Imports core and msgspec only. Every address ends in a domain that
can never exist (RFC 2606).
"""
