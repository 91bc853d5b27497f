"""What an error of the network says: of the device, of the compiler, or of the clips."""

import sys

import torch

OUT_OF_MEMORY = ("out of memory", "ALLOC_FAILED", "outside PyTorch's allocator")
"""What CUDA itself, cuBLAS and cuDNN say of memory that torch's allocator does not hand out."""


def is_out_of_memory(error: Exception) -> bool:
    """Whether the device's memory, or what it needs of main memory, was used up."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in OUT_OF_MEMORY)


def check_device(error: Exception) -> None:
    """Pass on what is no clip's fault.

    Args:
        error: Of the network, whose memory did not run out.

    Raises:
        torch.AcceleratorError: The device can no longer be used by this process. cuBLAS, cuDNN and
            Triton may be the first to notice, and call it otherwise.
        torch._dynamo.exc.TorchDynamoException: `error` is the compiler's.
    """
    compiler = sys.modules.get("torch._dynamo.exc")  # there once something is compiled
    if compiler is not None and isinstance(error, compiler.TorchDynamoException):
        raise error
    if isinstance(error, torch.AcceleratorError):
        raise error
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
