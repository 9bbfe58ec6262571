# One image for worker, bridge and api: `docker run <image> worker`.
#
# What has not been built where this was written are the FROM lines alone: test/deploy/ makes the same release from the same
# scripts (deploy/release.ts lists them) in a clean folder, and starts each process from it.

FROM node:24.21.0-bookworm AS build
WORKDIR /app
COPY package.json package-lock.json LICENSE ./
COPY deploy deploy
RUN ["node", "deploy/install.ts"]
COPY src src
RUN ["node", "deploy/bundle.ts"]
RUN ["node", "deploy/sbom.ts"]

# glibc, as the native core of Temporal's worker asks for.
FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production \
    WAYBILL_WORKFLOW_BUNDLE=/app/workflow-bundle.js \
    WAYBILL_HEALTH_PORT=8081
WORKDIR /app
COPY --from=build /app /app
# The slim image has no root certificates: Node brings its own, the native core looks here.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
# Nothing is written to /app: the root file system can be read-only.
USER 1000:1000
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 \
    CMD ["node", "deploy/health.ts"]
# Of the container's memory; the rest is for what is not V8's: the native core, buffers, code.
ENTRYPOINT ["node", "--max-old-space-size-percentage=75", "src/cli/main.ts"]
CMD ["--help"]
