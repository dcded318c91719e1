# The agent of one device. Build from the root of a clone:
#   docker build -f deploy/docker/agent.Dockerfile -t nanofleet/agent:0.1.0 .
# Enrol once: docker run --rm -v nanofleet-agent:/var/lib/nanofleet nanofleet/agent:0.1.0 enrol --dir /var/lib/nanofleet --token … --name …
FROM node:20.20.0-bookworm-slim AS build
WORKDIR /app
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml tsconfig.base.json tsconfig.json ./
COPY scripts scripts
COPY protocol protocol
COPY runtime runtime
COPY forge forge
COPY agent agent
COPY controller controller
COPY dashboard dashboard
COPY cli cli
COPY start start
COPY test/package.json test/package.json
RUN npx -y pnpm@12 install --frozen-lockfile
RUN node_modules/.bin/tsc -b --noCheck agent && node scripts/bundle-agent.mjs
RUN rm -rf node_modules */node_modules \
  && npx -y pnpm@12 install --frozen-lockfile --prod --no-optional --filter @nanofleet/agent...

FROM node:20.20.0-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/agent agent
RUN install -d -m 0700 -o node -g node /var/lib/nanofleet
USER node
VOLUME /var/lib/nanofleet
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "agent/dist/bundle/nanofleet-agent.mjs"]
CMD ["run", "--dir", "/var/lib/nanofleet"]
