FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /glassmail ./cmd/glassmail \
 && mkdir -p /data && chown 65532:65532 /data

FROM scratch
COPY --from=build /glassmail /glassmail
COPY --from=build --chown=65532:65532 /data /data
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
USER 65532:65532
VOLUME /data
WORKDIR /data
EXPOSE 25 53/udp 53/tcp 143 465 587 993 8025
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["/glassmail", "health", "http://127.0.0.1:8025/healthz"]
ENTRYPOINT ["/glassmail"]
CMD ["serve", "--help"]
