"""The families of reference cases, each computed by Keras 3. See ../README.md for the file format."""
