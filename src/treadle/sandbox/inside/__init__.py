"""What every sandbox sees as /treadle: the harness and two files of /etc. Nothing secret."""
