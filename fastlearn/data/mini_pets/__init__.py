"""MINI_PETS, the dataset of cats and dogs: the archive that `untar_data` unpacks, and the code that drew it."""
