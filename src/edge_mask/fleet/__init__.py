"""This device among others: what it says of itself, hears of its neighbours, asks of them and does for them."""
