# The laptop side on a CPU. docker build -t ascend-yolo-slim . && docker run --rm -v "$PWD:/home/user/work" ascend-yolo-slim --help
FROM python:3.11-slim-bookworm
# no pinned versions: Debian removes older ones from its mirrors
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends openssh-client libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY pyproject.toml setup.py MANIFEST.in README.md LICENSE run.sh build.sh ./
COPY ascend_yolo_slim ascend_yolo_slim
COPY compress compress
COPY deploy deploy
COPY compute_mAP compute_mAP
COPY models models
# torch's CPU builds are a tenth of those with CUDA; opencv-python needs libGL, its headless build does not
# hadolint ignore=DL3013
RUN pip install --no-cache-dir torch torchvision --index-url https://download.pytorch.org/whl/cpu \
    && pip install --no-cache-dir ".[compress]" \
    && pip uninstall -y opencv-python opencv-python-headless \
    && pip install --no-cache-dir "opencv-python-headless>=4.8" \
    && rm -rf /src
RUN useradd --create-home user
USER user
WORKDIR /home/user/work
ENTRYPOINT ["ascend-yolo-slim"]
