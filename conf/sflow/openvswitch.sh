#!/bin/sh
# Open vSwitch samples in its datapath and sends by itself; no other agent is needed. This is what the lab does
# (lab/containerlab/arm.clab.yml). `agent` may also be the name of an interface; br0 is the bridge.
# To end it: ovs-vsctl -- clear bridge br0 sflow
ovs-vsctl -- --id=@agent create sflow agent=192.0.2.1 target="127.0.0.1\:6343" header=128 \
    sampling="${1:-1000}" polling=20 -- set bridge br0 sflow=@agent
