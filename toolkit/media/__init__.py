"""Files in, tensors that know their time out."""
