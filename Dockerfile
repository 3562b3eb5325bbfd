# syntax=docker/dockerfile:1
# From a checkout:  docker build $(scripts/image build-args) -t lvscare:0.1.0 .
# What is in the image, how large it is and what each argument means: docs/image.md.

# The release of Node.js and the Debian that everything in the image is from. To get the same image again, name the
# digest:  --build-arg NODE_IMAGE=docker.io/library/node:24-bookworm-slim@sha256:...
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      binutils g++ libnl-3-dev libnl-genl-3-dev make nftables pkg-config python3 \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# What .dockerignore lets through.
COPY . .
ARG VERSION
ARG COMMIT
ARG IMAGE
ARG SOURCE_DATE_EPOCH
RUN scripts/lib/image-build && scripts/lib/image-rootfs /rootfs

FROM scratch
COPY --from=build /rootfs/ /
ENV PATH=/usr/sbin:/usr/bin
ARG VERSION=unknown
ARG COMMIT=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="lvscare" \
      org.opencontainers.image.description="Keeps an IPVS virtual server on every Kubernetes node pointed at the healthy apiservers" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}" \
      org.opencontainers.image.created="${CREATED}"
ENTRYPOINT ["/usr/bin/lvscare"]
CMD ["--help"]
