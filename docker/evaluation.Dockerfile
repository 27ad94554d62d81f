# The scorer and nothing else: no torch, no Docker SDK, no test tools.
#
#   make image
#   docker run --rm --network none --read-only --tmpfs /tmp --cap-drop ALL \
#     --security-opt no-new-privileges --user "$(id -u)" \
#     -v "$COHORT:/cohort:ro" -v "$SUBMISSION:/submission:ro" -v "$RESULT:/result" lln-evaluation
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore \
    PYTHONDONTWRITEBYTECODE=1 NUMBA_CPU_NAME=generic NUMBA_CPU_FEATURES=
RUN python3 -m venv /opt/kit
ENV PATH=/opt/kit/bin:$PATH
WORKDIR /src
# the dependencies first: a change of the kit's own code fetches nothing again
COPY constraints.txt pyproject.toml ./
RUN python -c "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
print(*project['dependencies'], sep='\n')" > /tmp/dependencies.txt \
 && pip install --quiet --no-compile --constraint constraints.txt --requirement /tmp/dependencies.txt \
# lifelines asks for a plotting library that nothing here draws with; the terminal alone needs rich
 && pip uninstall --quiet --yes matplotlib contourpy cycler fonttools kiwisolver pillow pyparsing \
      rich markdown-it-py mdurl Pygments docker requests urllib3 idna certifi charset-normalizer \
 && find /opt/kit/lib -type d -name tests -prune -exec rm -rf {} + \
# whole seconds: bytecode must still fit its source after the copy to the second stage
 && find /opt/kit -exec touch --no-dereference --date=@1 {} +
COPY README.md LICENSE lln.py ./
COPY docker/warm-up docker/
COPY schema schema
COPY tasks tasks
COPY evaluation evaluation
RUN pip install --quiet --no-compile --no-deps . \
 && pip uninstall --quiet --yes setuptools pip \
# who runs a submission is not who scores it
 && rm -r /opt/kit/lib/python3*/site-packages/evaluation/sandbox /opt/kit/bin/lln \
 && find /opt/kit -newermt @1 -exec touch --no-dereference --date=@1 {} + \
# the scorer runs once, and what it compiled stays: bytecode and machine code
 && PYTHONDONTWRITEBYTECODE= NUMBA_CACHE_DIR=/opt/kit/compiled python docker/warm-up > /dev/null

FROM ${BASE_IMAGE}
COPY --from=build /opt/kit /opt/kit
COPY docker/evaluation-entrypoint /usr/local/bin/evaluation
RUN mkdir -p /cohort /submission /result && chmod 1777 /result
# compiled for no processor in particular, so that what is kept suits the next machine too
ENV NUMBA_CPU_NAME=generic NUMBA_CPU_FEATURES=
ENV PATH=/opt/kit/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["/usr/local/bin/evaluation"]
# last, because they change with every commit
ARG VERSION=unknown
ARG COMMIT=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="LLN challenge kit: evaluation" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.licenses="Apache-2.0"
