# The whole engine as one static binary: docker buildx build --platform linux/amd64,linux/arm64 -t hongbao .
# The build runs on the builder's own platform and compiles for the other, so no emulation is needed.
ARG GO_VERSION=1.26.8

FROM --platform=$BUILDPLATFORM golang:${GO_VERSION}-bookworm AS build
ARG TARGETOS=linux
ARG TARGETARCH=amd64
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags="-s -w" -o /out/hongbao .

FROM scratch
# For webhooks, the bank and rediss://.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/hongbao /hongbao
USER 65532:65532
# HTTP, RPC, metrics and health.
EXPOSE 8080 8888 9100
ENTRYPOINT ["/hongbao"]
