"""A local stand-in for Prodia's hosted service, for trying the tool and testing clients.

Nothing here shares encoding or parsing code with the client, so that one cannot
hide the other's mistakes.
"""
