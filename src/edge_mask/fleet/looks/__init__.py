"""Second looks: whoever was judged narrowly is looked at again, by another device."""
