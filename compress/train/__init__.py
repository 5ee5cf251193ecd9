"""The training loop."""

import warnings

# accelerate imports tqdm.auto, which in a notebook without ipywidgets warns of bars; ours are text and need none
warnings.filterwarnings("ignore", message="IProgress not found")
