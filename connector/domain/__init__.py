"""Pure rules: frozen values in, frozen values out; nothing here awaits."""
