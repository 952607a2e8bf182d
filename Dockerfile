# loka in a container: the static binary, certificates and nothing else.
#
#     docker build -t loka --build-arg VERSION=$(git describe --tags --always) .
#     docker run --read-only --cap-drop ALL --security-opt no-new-privileges \
#         -v loka-data:/data -p 3333:3333 -p 127.0.0.1:9090:9090 \
#         -e LOKA_POOL=stratum+tcp://pool.example.com:3333 -e LOKA_USER=ACCOUNT loka
#
# deploy/compose has it together with Prometheus, Alertmanager and Grafana.
ARG GO_VERSION=1.26
FROM golang:${GO_VERSION}-bookworm AS build
WORKDIR /src
ARG GOPROXY=https://proxy.golang.org,direct
ENV CGO_ENABLED=0 GOTOOLCHAIN=local
# Modules are fetched again only where they have changed.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN go build -trimpath -buildvcs=false -ldflags "-s -w" -o /out/loka ./cmd/loka \
    && install -d -m 0700 /out/root/data \
    && cp /etc/ssl/certs/ca-certificates.crt /out/ca-certificates.crt

FROM scratch
ARG VERSION=devel
LABEL org.opencontainers.image.title="loka" \
      org.opencontainers.image.description="Loka Stratum, a Bitcoin mining proxy" \
      org.opencontainers.image.source="https://github.com/loka/stratum" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
# For pools that are reached by stratum+ssl://.
COPY --from=build /out/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/loka /loka
# A user without a name or rights; the folder is its own, and so is a new volume on it.
COPY --from=build --chown=65532:65532 /out/root /
USER 65532:65532
# Within the container the API listens on all addresses, for else it could not be published;
# so everything but /live and /ready needs a token.
# What a large query sorts on the disk goes to the volume, too: all else can be read only.
ENV LOKA_DATA_DIR=/data \
    LOKA_HTTP_LISTEN=0.0.0.0:9090 \
    TMPDIR=/data
VOLUME ["/data"]
EXPOSE 3333 9090
STOPSIGNAL SIGTERM
# Whether the API answers, with the token of /data: what a restart may mend. Whether pools
# serve is for alerts, for no restart mends that.
HEALTHCHECK --interval=30s --timeout=12s --start-period=20s --retries=3 \
    CMD ["/loka", "status"]
ENTRYPOINT ["/loka"]
CMD ["start"]
