# The broker and its command. Build from the repository's root: docker build -t duskline .

FROM node:20-slim AS build
WORKDIR /app
# Manifests first: a change of sources does not install everything again. npm links the command's file.
COPY package.json package-lock.json .npmrc ./
COPY protocol/package.json protocol/
COPY sdk-runtime/package.json sdk-runtime/
COPY client-sdk/package.json client-sdk/
COPY host-sdk/package.json host-sdk/
COPY loadtest/package.json loadtest/
COPY server/package.json server/
COPY server/bin server/bin
RUN npm ci
COPY tsconfig.base.json ./
COPY protocol protocol
COPY sdk-runtime sdk-runtime
COPY client-sdk client-sdk
COPY host-sdk host-sdk
COPY loadtest loadtest
COPY server server
COPY scripts scripts
# The server's project references build what it needs, without the tests.
RUN npx tsc --build server && node scripts/bundle.mjs

FROM node:20-slim
ENV NODE_ENV=production
WORKDIR /app
# The bundle has all packages in it; a test holds that nothing else is needed.
COPY --from=build /app/server/package.json server/
COPY --from=build /app/server/bin server/bin
COPY --from=build /app/server/store/redis/lua server/store/redis/lua
COPY --from=build /app/server/dist/bundle server/dist/bundle
COPY LICENSE ./
COPY examples/duskline.yaml examples/

# A user of its own, with no shell and no home.
RUN useradd --system --no-create-home --shell /usr/sbin/nologin duskline
USER duskline

EXPOSE 8080
# Whether the process lives; whether it should get traffic is /readyz, and for the load balancer to ask.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]

ENTRYPOINT ["/app/server/bin/duskline.js"]
# Your configuration is mounted there; secrets come from the environment.
CMD ["serve", "--config", "/etc/duskline/duskline.yaml", "--host", "0.0.0.0", "--port", "8080"]
