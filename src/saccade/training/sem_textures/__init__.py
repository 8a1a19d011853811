"""The shipped ``sem-textures`` classifier: its synthetic pictures, network, training, export and measuring."""
