# syntax=docker/dockerfile:1
# Built from a clean checkout:  docker build --build-arg COMMIT=$(git rev-parse HEAD) -t lvscare:0.1.0 .

FROM docker.io/library/node:24-bookworm-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ libnl-3-dev libnl-genl-3-dev make pkg-config python3 \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# Node's headers lie in the image: the addon is built without fetching any.
ENV npm_config_nodedir=/usr/local npm_config_update_notifier=false
COPY package.json package-lock.json binding.gyp ./
COPY native native
RUN npm ci
COPY tsconfig.json ./
COPY scripts/write-build-info.mjs scripts/
COPY src src
ARG COMMIT=unknown
ARG SOURCE_DATE_EPOCH=0
RUN LVSCARE_COMMIT=$COMMIT SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH npm run build \
 && npm prune --omit=dev --ignore-scripts \
 && find dist -name '*.map' -delete -o -name '*.d.ts' -delete

FROM docker.io/library/node:24-bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends libnl-3-200 libnl-genl-3-200 nftables \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /build/package.json /opt/lvscare/
COPY --from=build /build/node_modules /opt/lvscare/node_modules
COPY --from=build /build/build/Release/netlink.node /opt/lvscare/build/Release/netlink.node
COPY --from=build /build/dist/src /opt/lvscare/dist/src
RUN chmod +x /opt/lvscare/dist/src/main.js && ln -s /opt/lvscare/dist/src/main.js /usr/bin/lvscare
LABEL org.opencontainers.image.title="lvscare" \
      org.opencontainers.image.description="Keeps an IPVS virtual server on every Kubernetes node pointed at the healthy apiservers" \
      org.opencontainers.image.licenses="Apache-2.0"
ENTRYPOINT ["/usr/bin/lvscare"]
CMD ["--help"]
