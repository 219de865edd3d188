# clipselect on CPUs.
#
#     docker build -t clipselect .
#     docker run --rm -v "$PWD:/videos" --user "$(id -u):$(id -g)" clipselect score video.mp4 --html page.html
#
# torch comes from its own index without CUDA, which is what makes the image small.
FROM python:3.12-slim AS build
WORKDIR /source
COPY setup.py pyproject.toml README.md LICENSE ./
COPY clipselect clipselect
COPY zoo zoo
RUN python -m venv /opt/clipselect \
    && /opt/clipselect/bin/pip install --no-cache-dir torch torchvision --index-url https://download.pytorch.org/whl/cpu \
    && /opt/clipselect/bin/pip install --no-cache-dir '.[report]'

FROM python:3.12-slim
COPY --from=build /opt/clipselect /opt/clipselect
ENV PATH=/opt/clipselect/bin:$PATH HOME=/tmp MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /videos
ENTRYPOINT ["clipselect"]
CMD ["--help"]
