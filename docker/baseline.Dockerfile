# The reference nnU-Net as any entrant's container: images at /input/t2w, its model folder at /model,
# answers in /output. Prediction alone: no training, no scorer, no Docker SDK, no test tools.
#
#   make image-baseline                    for a processor
#   make image-baseline TORCH=cuda         for a graphics card: PyPI's torch for x86-64 carries CUDA
#   lln submission run lln-baseline --model out/model --cohort ... --manifest ... --out ...
#
# baseline-weights.Dockerfile bakes a model folder in. No BuildKit is needed.
#
# TORCH=cpu takes torch from PyTorch's own index, TORCH=cuda from the index that pip uses;
# TORCH_INDEX names another. A wheel of torch in docker/wheels is taken before any index: so a
# machine that reaches neither builds the image too.
ARG BASE_IMAGE=python:3.11-slim-bookworm

# what is to be installed, on a stage of its own: while the list stays the same, so do the layers
FROM ${BASE_IMAGE} AS wanted
COPY pyproject.toml docker/baseline-requirements /src/
RUN python3 /src/baseline-requirements /src/pyproject.toml > /wanted.txt

FROM ${BASE_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore \
    PYTHONDONTWRITEBYTECODE=1 NUMBA_CPU_NAME=generic NUMBA_CPU_FEATURES=
RUN python3 -m venv /opt/kit && python3 -m venv /opt/installer
ENV PATH=/opt/kit/bin:$PATH
ARG TORCH=cpu
ARG TORCH_INDEX=
# beside the wheels, which may be absent, so that there is always something to copy
COPY constraints.txt docker/wheel[s]/*.whl /wheels/
RUN case "$TORCH" in \
      cpu) index=${TORCH_INDEX:-https://download.pytorch.org/whl/cpu} ;; \
      cuda) index=$TORCH_INDEX ;; \
      *) echo "TORCH=$TORCH: expected cpu or cuda" >&2; exit 2 ;; \
    esac \
 && from="${index:+--index-url $index}" \
 && if ls /wheels/torch-*.whl >/dev/null 2>&1; then from="--no-index --find-links /wheels"; fi \
 && pip install --quiet --no-compile --no-deps $from --constraint /wheels/constraints.txt torch \
 && kind=$(sed -n 's/^cuda.* = None$/cpu/p' /opt/kit/lib/python3*/site-packages/torch/version.py) \
 && if [ "${kind:-cuda}" != "$TORCH" ]; then \
      echo "TORCH=$TORCH, but the torch that was found is for ${kind:-cuda}: name another TORCH_INDEX, or put its wheel into docker/wheels" >&2; exit 2; \
    fi
COPY --from=wanted /wanted.txt /
RUN pip install --quiet --no-compile --constraint /wheels/constraints.txt --requirement /wanted.txt \
# what training, plots and other architectures use
 && pip uninstall --quiet --yes timm torchvision huggingface_hub hf-xet safetensors \
      matplotlib contourpy cycler fonttools kiwisolver pyparsing seaborn scikit-learn graphviz \
      httpx2 httpcore2 truststore setuptools pip \
 && find /opt/kit/lib -type d \( -name tests -o -path '*/torch/include' \) -prune -exec rm -rf {} + \
# whole seconds: bytecode must still fit its source after the copy to the last stage
 && find /opt/kit -exec touch --no-dereference --date=@1 {} + \
 && cd /opt/kit/lib/python3*/site-packages \
 && python -m compileall -q acvl_utils annotated_types batchgenerators cc3d deflate \
      dynamic_network_architectures isal nnunetv2 numba pydantic pydantic_core typing_inspection \
 && nnUNet_raw=/tmp nnUNet_preprocessed=/tmp nnUNet_results=/tmp PYTHONDONTWRITEBYTECODE= \
      python -c 'import nibabel, nnunetv2.inference.predict_from_raw_data, numba, pandas, scipy.optimize'

FROM build AS kit
COPY pyproject.toml README.md LICENSE lln.py /src/
COPY schema /src/schema
COPY tasks /src/tasks
COPY baseline /src/baseline
COPY docker/baseline-warm-up /src/
RUN /opt/installer/bin/pip install --quiet --no-compile --no-deps --target /opt/lln /src \
 && rm -rf /opt/lln/bin /opt/lln/lln.py \
 && find /opt/lln -exec touch --no-dereference --date=@1 {} + \
 && cd / && PYTHONPATH=/opt/lln PYTHONDONTWRITEBYTECODE= NUMBA_CACHE_DIR=/opt/lln/compiled \
      python -P /src/baseline-warm-up

FROM ${BASE_IMAGE}
COPY --from=build /opt/kit /opt/kit
COPY --from=kit /opt/lln /opt/lln
COPY docker/baseline-entrypoint /usr/local/bin/baseline
RUN mkdir -p /input /output /model && chmod 1777 /output
# compiled for no processor in particular, so that what is kept suits the next machine too
ENV NUMBA_CPU_NAME=generic NUMBA_CPU_FEATURES=
ENV PATH=/opt/kit/bin:$PATH PYTHONPATH=/opt/lln PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
# every cache is in memory and gone afterwards; a library that looks for its folders finds these
    HOME=/tmp XDG_CACHE_HOME=/tmp/cache MPLCONFIGDIR=/tmp/matplotlib TORCH_HOME=/tmp/torch \
    TORCHINDUCTOR_CACHE_DIR=/tmp/torchinductor TRITON_CACHE_DIR=/tmp/triton \
    CUDA_CACHE_PATH=/tmp/cuda \
    nnUNet_raw=/tmp/nnUNet_raw nnUNet_preprocessed=/tmp/nnUNet_preprocessed \
    nnUNet_results=/tmp/nnUNet_results nnUNet_compile=false nnUNet_def_n_proc=1 \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["/usr/local/bin/baseline"]
# last, because they change with every commit
ARG TORCH=cpu
ARG VERSION=unknown
ARG COMMIT=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="LLN challenge kit: baseline nnU-Net (${TORCH})" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.licenses="Apache-2.0"
