"""The training steps of forge's models in PyTorch: same weights, batches and optimizer, one thread.

usage: torch_step.py DIRECTORY FORM: the directory holds arrays.json and arrays.bin. The first line out says which PyTorch this
is, or what is missing. Each line in is answered by one block, a step for every batch: times of a step and the losses.

FORM is how the rows of the table are trained: `sparse` by EmbeddingBag(sparse=True) and SparseAdam; `gathered` by a copy of
the rows in use, found by torch.unique, and Adam written out on them. Both leave other rows alone, moments included.
"""

import json
import math
import resource
import sys
import time

try:
    import torch
    from torch.nn import functional as F
except ImportError as error:
    print(json.dumps({"missing": str(error)}), flush=True)
    sys.exit(0)

torch.set_num_threads(1)
torch.set_num_interop_threads(1)

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
TYPES = {"float32": torch.float32, "int32": torch.int32, "int64": torch.int64}


def slow_products():
    """Debian's PyTorch takes whatever libblas there is: the reference one would make a peer that is easily beaten."""
    with open("/proc/self/maps", encoding="utf8") as maps:
        return "/blas/libblas.so" in maps.read()


def read(directory):
    with open(f"{directory}/arrays.json", encoding="utf8") as file:
        header = json.load(file)
    with open(f"{directory}/arrays.bin", "rb") as file:
        data = bytearray(file.read())

    def tensor(entry):
        count = math.prod(entry["shape"])
        flat = torch.frombuffer(data, dtype=TYPES[entry["type"]], count=count, offset=entry["offset"])
        return flat.clone().reshape(entry["shape"])

    def tensors(entries):
        return {name: tensor(entry) for name, entry in entries.items()}

    return header, tensors(header["parameters"]), [tensors(batch) for batch in header["batches"]]


class Transformer:
    """forge/src/encoder. Queries, keys and values are one product here, as is usual."""

    def __init__(self, header, parameters):
        self.heads, self.layers = header["heads"], header["layers"]
        for layer in range(self.layers):
            for part in ("weight", "bias"):
                three = [parameters.pop(f"layer{layer}.{name}.{part}") for name in ("query", "key", "value")]
                parameters[f"layer{layer}.attention.{part}"] = torch.cat(three, -1)
        # torch.nn.functional.linear wants [outputs, inputs].
        self.parameters = {
            name: value.t().contiguous() if name.endswith(".weight") else value for name, value in parameters.items()
        }

    def linear(self, value, name):
        return F.linear(value, self.parameters[f"{name}.weight"], self.parameters[f"{name}.bias"])

    def normed(self, value, name):
        gain, shift = self.parameters[f"{name}.gain"], self.parameters[f"{name}.shift"]
        return F.layer_norm(value, value.shape[-1:], gain, shift)

    def attended(self, value, absent, name):
        places, texts, width = value.shape
        three = self.linear(self.normed(value, f"{name}.norm"), f"{name}.attention")
        apart = three.view(places, texts, 3, self.heads, width // self.heads)
        query, key, content = apart.permute(2, 1, 3, 0, 4).unbind(0)
        scores = torch.matmul(query, key.transpose(-1, -2)) * math.sqrt(self.heads / width) + absent
        mixed = torch.matmul(torch.softmax(scores, -1), content)
        return self.linear(mixed.permute(2, 0, 1, 3).reshape(places, texts, width), f"{name}.out")

    def pooled(self, value, mask):
        weights = torch.exp(torch.tanh(self.linear(value, "pool.score")) * 4) * mask
        attention = (value * (weights / (weights.sum(0, keepdim=True) + 1e-6))).sum(0)
        highest = (value + (mask - 1) * 1e4).amax(0)
        return torch.cat([attention, highest, value.sum(0) / mask.sum(0).sqrt()], 1)

    def loss(self, words, batch):
        mask = batch["mask"]
        places, texts, _ = mask.shape
        absent = ((mask - 1) * 1e4).permute(1, 2, 0).reshape(texts, 1, 1, places)
        each = self.linear(self.normed(words, "words.norm") * batch["kept.words"], "words.project")
        value = F.embedding(batch["ids"], each) + self.parameters["positions"][:places].unsqueeze(1)
        for name in (f"layer{layer}" for layer in range(self.layers)):
            value = value + self.attended(value, absent, name)
            wide = F.gelu(self.linear(self.normed(value, f"{name}.wide.norm"), f"{name}.wide"))
            value = value + self.linear(wide, f"{name}.narrow")
        value = self.normed(value, "last.norm") * mask
        pooled = self.normed(self.pooled(value, mask), "pool.norm")
        labelled = F.cross_entropy(self.linear(pooled * batch["kept.pooled"], "head") + batch["task"], batch["targets"])
        hidden = value.reshape(places * texts, -1).index_select(0, batch["hidden.places"])
        guessed = F.cross_entropy(self.linear(hidden, "mask.head"), batch["hidden.words"])
        return labelled + guessed * batch["hidden.weight"]


class Bag:
    """forge/src/text/tower-graphs.ts without a hidden layer."""

    def __init__(self, _, parameters):
        self.parameters = parameters

    def loss(self, sums, batch):
        gain, shift = self.parameters["norm.gain"], self.parameters["norm.shift"]
        kept = F.layer_norm(sums, sums.shape[-1:], gain, shift) * batch["mask.rows"]
        logits = torch.addmm(self.parameters["head.bias"], kept, self.parameters["head.weight"])
        return F.cross_entropy(logits, batch["targets"])


class SparseRows:
    def __init__(self, table, rate):
        self.table = torch.nn.Parameter(table)
        self.optimizer = torch.optim.SparseAdam([self.table], lr=rate, betas=(BETA1, BETA2), eps=EPSILON)

    def sums(self, batch):
        self.optimizer.zero_grad(set_to_none=True)
        return F.embedding_bag(batch["bag.rows"], self.table, batch["bag.starts"], mode="sum", sparse=True)

    def step(self, _):
        self.optimizer.step()


class GatheredRows:
    def __init__(self, table, _):
        self.table, self.first, self.second = table, torch.zeros_like(table), torch.zeros_like(table)

    def sums(self, batch):
        self.used, slots = torch.unique(batch["bag.rows"], return_inverse=True)
        self.rows = self.table.index_select(0, self.used).requires_grad_()
        return F.embedding_bag(slots, self.rows, batch["bag.starts"], mode="sum")

    def step(self, rate):
        gradient = self.rows.grad
        first = self.first.index_select(0, self.used).lerp_(gradient, 1 - BETA1)
        second = self.second.index_select(0, self.used).mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
        self.first.index_copy_(0, self.used, first)
        self.second.index_copy_(0, self.used, second)
        moved = self.rows.detach().addcdiv_(first, second.sqrt_().add_(EPSILON), value=-rate)
        self.table.index_copy_(0, self.used, moved)


class Training:
    def __init__(self, directory, form):
        header, parameters, self.batches = read(directory)
        rate, self.decay = header["learningRate"], header["weightDecay"]
        self.rows = {"sparse": SparseRows, "gathered": GatheredRows}[form](parameters.pop("table"), rate)
        self.model = {"transformer": Transformer, "bag": Bag}[header["kind"]](header, parameters)
        trained = [value.requires_grad_() for value in self.model.parameters.values()]
        groups = [
            {"params": [value for value in trained if value.dim() > 1], "weight_decay": self.decay},
            {"params": [value for value in trained if value.dim() < 2], "weight_decay": 0},
        ]
        version = tuple(int(part) for part in torch.__version__.split(".")[:2])
        fast = {"fused": True} if version >= (2, 4) else {"foreach": True}
        self.optimizer = torch.optim.AdamW(groups, lr=rate, betas=(BETA1, BETA2), eps=EPSILON, **fast)
        self.rate, self.steps = rate, 0

    def step(self, batch):
        self.steps += 1
        root = math.sqrt(1 - BETA2**self.steps)
        correction = root / (1 - BETA1**self.steps)
        # forge has the bias correction in its rate, so it also corrects the decay, and epsilon stands beside the
        # uncorrected root.
        for group in self.optimizer.param_groups:
            group["eps"] = EPSILON / root
        self.optimizer.param_groups[0]["weight_decay"] = self.decay * correction
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.model.loss(self.rows.sums(batch) * batch["bag.shares"], batch)
        loss.backward()
        self.optimizer.step()
        self.rows.step(self.rate * correction)
        return loss.item()

    def block(self):
        used, begun = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        losses = [self.step(batch) for batch in self.batches]
        wall, now = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF)
        cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
        return {"cpuMs": cpu / len(losses) * 1e3, "wallMs": wall / len(losses) * 1e3, "losses": losses}


def main():
    if slow_products():
        print(json.dumps({"missing": "libopenblas: this PyTorch multiplies with the reference BLAS"}), flush=True)
        return
    training = Training(sys.argv[1], sys.argv[2])
    print(json.dumps({"torch": torch.__version__}), flush=True)
    for _ in sys.stdin:
        print(json.dumps(training.block()), flush=True)


main()
