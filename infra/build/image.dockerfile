# One image with every function; its argument chooses one:
#   npm run build
#   docker build -f infra/build/image.dockerfile -t symphainy dist/image
#   docker run symphainy ingest_file
# By functions-framework instead of the bare Node server, which serves ten times as many requests:
#   docker run --entrypoint node symphainy functions-framework.cjs --source=ingest_file.cjs --target=ingest_file
# A release is built on a digest, which the registry tells and no test here can: --build-arg NODE_IMAGE=node@sha256:...
ARG NODE_IMAGE=node:24.21.0-bookworm-slim
FROM ${NODE_IMAGE}

# Nothing is installed in this image, so nothing that could install is left in it.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn-*

WORKDIR /app
COPY . .

# In a container of 512 MB V8 would give what was just made one megabyte: it collects all the time, and half of the processor goes into that (ADR 0049).
ENV NODE_OPTIONS=--max-semi-space-size=32

# Compiled once, here, and not at each start.
RUN node warm-up.mjs

ENV NODE_ENV=production
USER node
ENTRYPOINT ["node", "server.cjs"]
