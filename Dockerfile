# Sluice as one image: `docker build -t sluice-lakehouse .`, then the arguments of `sluice`.
# TypeScript is stripped as it is loaded: nothing is compiled here.

FROM node:24.13.0-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --omit=dev --no-audit --no-fund

FROM node:24.13.0-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY bin ./bin
COPY bronze ./bronze
COPY silver ./silver
COPY gold ./gold
COPY sluice ./sluice
COPY shared-transforms ./shared-transforms
COPY tables ./tables
COPY serving ./serving
COPY pipelines ./pipelines
# A named volume that is mounted here takes its owner over.
RUN mkdir /lake && chown node:node /lake
USER node
ENV SLUICE_LAKE=/lake
EXPOSE 8181
# `sluice live` and `sluice catalog` serve the catalog; another command does not live long enough.
HEALTHCHECK --interval=5s --timeout=10s --start-period=60s --retries=12 \
  CMD ["node", "/app/bin/catalog-health.mjs"]
ENTRYPOINT ["node", "/app/bin/sluice.mjs"]
