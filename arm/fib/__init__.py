"""Room 6, verify: what the kernel and BIRD really hold."""
