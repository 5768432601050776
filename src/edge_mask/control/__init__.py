"""The one place where wishes from outside come in: checked, applied, kept, answered. Begin with wishes.py."""
