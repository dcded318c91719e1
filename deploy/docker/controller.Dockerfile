# The controller, with the dashboard and the command nanofleet. Build from the root of a clone:
#   docker build -f deploy/docker/controller.Dockerfile -t nanofleet/controller:0.1.0 .
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
RUN node_modules/.bin/tsc -b --noCheck controller cli && node scripts/build-dashboard.mjs
# What only building needs stays behind.
RUN rm -rf node_modules */node_modules \
  && npx -y pnpm@12 install --frozen-lockfile --prod --no-optional --filter @nanofleet/controller... --filter @nanofleet/cli...

FROM node:20.20.0-bookworm-slim
ENV NODE_ENV=production NANOFLEET_CACHE=/var/lib/nanofleet/cache
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/protocol protocol
COPY --from=build /app/runtime runtime
COPY --from=build /app/controller controller
COPY --from=build /app/cli cli
COPY --from=build /app/dashboard/dist dashboard/dist
RUN install -d -m 0700 -o node -g node /var/lib/nanofleet \
  && ln -s /app/cli/dist/main.js /usr/local/bin/nanofleet && chmod 0755 /app/cli/dist/main.js
USER node
VOLUME /var/lib/nanofleet
EXPOSE 7300 7301
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["node", "-e", "process.env.NODE_TLS_REJECT_UNAUTHORIZED='0';fetch('https://127.0.0.1:7300/livez').then((r)=>process.exit(r.ok?0:1),()=>process.exit(1))"]
ENTRYPOINT ["node", "controller/dist/main.js"]
CMD ["--dir", "/var/lib/nanofleet/controller", "--host", "0.0.0.0"]
