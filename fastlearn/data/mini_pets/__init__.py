"""Draws MINI_PETS, the data set of cats and dogs. Only `untar_data` opens this folder."""
