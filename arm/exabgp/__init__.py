"""The one BGP speaker that learning and announcing share: ExaBGP as a child process."""
