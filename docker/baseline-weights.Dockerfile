# The baseline with a model folder baked in, for an image that is handed on as one file. The build's
# context is the model folder (`lln baseline export` writes one), and nothing else:
#
#   docker build --file docker/baseline-weights.Dockerfile --tag my-baseline out/model
#
# What the sandbox mounts at /model goes before it.
ARG BASELINE=lln-baseline

FROM ${BASELINE} AS model
USER 0
COPY . /model/
# whatever the modes on the builder's disk: any user reads them, nobody writes
RUN chmod -R u=rwX,go=rX /model

FROM ${BASELINE}
COPY --from=model /model /model
