from pathlib import Path

from setuptools import find_packages, setup

version = next(
    line.split('"')[1]
    for line in Path("clipselect/__init__.py").read_text(encoding="utf-8").splitlines()
    if line.startswith("__version__")
)

RAY = ["ray>=2.40"]
ONNX = ["onnx>=1.16", "onnxruntime>=1.18", "onnxscript>=0.3"]
DECORD = ["decord>=0.6.0"]
HAS_DECORD = "; sys_platform == 'linux' and platform_machine == 'x86_64'"  # where it has wheels
TEST = [
    *RAY,
    *ONNX,
    DECORD[0] + HAS_DECORD,
    "duckdb>=1.0",
    "pandas>=2.2",
    "pytest>=8",
    "pytest-xdist>=3.6",
    "hypothesis>=6.100",
    "scikit-learn>=1.4",
    "tensorboard>=2.16",  # reads the logs
]

setup(
    name="clipselect",
    version=version,
    description="Only the clips worth watching: rank video clips by how discriminable they are for your network",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    # zoo/ lies beside clipselect/ in the repository and inside it once installed
    packages=[*find_packages(include=["clipselect", "clipselect.*"]), "clipselect.zoo"],
    package_dir={"clipselect.zoo": "zoo"},
    package_data={"": ["py.typed", "*.pyi", "*.jinja", "*.css", "*.js"], "clipselect.zoo": ["*.safetensors", "*.md"]},
    install_requires=[
        "torch>=2.4",
        "numpy>=1.26",
        "av>=17",
        "fvcore>=0.1.5.post20221221",
        "lazy_loader>=0.4",
        "packaging>=23",
        "pytorchvideo>=0.1.5",
        "torchvision>=0.19",  # PyTorchVideo needs it and does not say so
        "opencv-python-headless>=4.10,<5",  # reads PyTorchVideo's frame folders
        "pyarrow>=15",
        "pydantic>=2.7",
        "safetensors>=0.4.3",
        "scipy>=1.11",
        "lightning-fabric>=2.4",
        "pytorch-metric-learning>=2.5",
        "tensorboardX>=2.6",
        "torchmetrics>=1.4",
        "typer>=0.15",
        "rich>=13.7",
        "matplotlib>=3.8",
        "jinja2>=3.1",
        "pillow>=10",
    ],
    extras_require={
        "decord": DECORD,
        "ray": RAY,
        "onnx": ONNX,
        "test": TEST,
        "dev": [*TEST, "ruff>=0.9", "mypy>=1.14", "import-linter>=2.1"],
    },
    entry_points={"console_scripts": ["clipselect = clipselect.__main__:main"]},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Image Recognition",
        "Typing :: Typed",
    ],
)
