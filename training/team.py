"""One process, or several that train one network together: torchrun --nproc-per-node 2 $(which nii) train ..."""

import os
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import distributed, nn

T = TypeVar("T")


@dataclass(frozen=True)
class Team:
    """rank: of this process, 0 leads. size: number of processes. device: of this process."""

    rank: int
    size: int
    device: torch.device

    @classmethod
    def join(cls) -> "Team":
        """Alone; or, where torchrun started this process, with the others: NCCL on GPUs, Gloo on CPUs."""
        cuda = torch.cuda.is_available()
        if "RANK" not in os.environ:
            return cls(0, 1, torch.device("cuda" if cuda else "cpu"))
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if cuda else torch.device("cpu")
        if not distributed.is_initialized():
            distributed.init_process_group("nccl" if cuda else "gloo")
        return cls(distributed.get_rank(), distributed.get_world_size(), device)

    @property
    def leads(self) -> bool:
        """Whether this process evaluates and writes."""
        return self.rank == 0

    def wrapped(self, network: nn.Module) -> nn.Module:
        """The network with gradients averaged over the team."""
        if self.size == 1:
            return network
        return nn.parallel.DistributedDataParallel(
            network, device_ids=[self.device.index] if self.device.type == "cuda" else None
        )

    def broadcast(self, value: T) -> T:
        """What the leader has, for everyone."""
        if self.size == 1:
            return value
        shared = [value]
        distributed.broadcast_object_list(shared, src=0)
        return shared[0]

    def leave(self) -> None:
        """End the group, if there is one."""
        if self.size > 1:
            distributed.destroy_process_group()
