"""Files under keys: in a folder or in S3, with the same promises."""
