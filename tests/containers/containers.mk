# make check-containers   the Dockerfile is built and the pod is run, by podman: 5 minutes
#
# The base image is made by debootstrap, since no registry may be in reach. All of it stays in
# build/containers. Not part of make check.

.PHONY: check-containers
check-containers:
	$(Q)tests/need containers
	$(RUN_TESTS) --timeout 1200 tests/containers/always_on
