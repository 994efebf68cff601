#!/bin/bash
# The server ends while a connection waits in its accept queue.
. "$(dirname "$0")/lib/lab.sh"
situation RST-12-listener "the server ended before it accepted"
server listen:8000 await:up close-listener
client connect:8000 tell:up recv
ended server client

told client ECONNRESET
verdict server listener-closed certain
verdict client peer-abort likely
on_wire 1 'server > client RST'
lab "listener closed with one waiting"
