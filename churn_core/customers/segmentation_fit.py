"""The division itself: K-means, Ward's tree or a Gaussian mixture on scaled features, and who belongs where.

All three end in centres that are saved, and members are always found with the saved centres, so that the day of the
fit and every later day follow the same rule. A mixture keeps its shapes beside the centres and gives probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from churn_core.errors import InputError, NotEnoughData, unknown_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Matrix = NDArray[np.float32]

Method = Literal["kmeans", "ward", "mixture"]
METHODS: dict[str, str] = {
    "kmeans": "K-means",
    "ward": "Ward's tree",
    "mixture": "Gaussian mixture",
}
"""Every method with its name for people."""

MINI_BATCH_ABOVE = 200_000
"""Customers beyond which K-means learns from batches."""
BATCH = 8_192
N_TREE = 2_000
"""Customers that Ward's tree is grown from; its memory grows with their square."""
N_MIXTURE = 50_000
"""Customers that a mixture is fitted to."""
N_LEAVES = 24
"""Branches of the tree that are kept: it can be cut into up to as many."""
K_MOST = 12
CHUNK = 100_000


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The upper part of Ward's tree over a sample."""

    centres: tuple[tuple[float, ...], ...]
    """Mean of each kept branch, in robust units."""
    sizes: tuple[int, ...]
    """Customers of the sample in each branch."""
    merges: tuple[tuple[int, int, float], ...]
    """Which two branches join at which height, lowest first; joined ones are numbered on from the branches."""
    n_sampled: int

    def cut(self, k: int) -> list[list[int]]:
        """The branches that make up each of ``k`` segments."""
        groups: dict[int, list[int]] = {leaf: [leaf] for leaf in range(len(self.sizes))}
        for step, (one, other, _) in enumerate(self.merges[: len(self.sizes) - k]):
            groups[len(self.sizes) + step] = groups.pop(one) + groups.pop(other)
        return list(groups.values())


@dataclass(frozen=True, kw_only=True)
class Division:
    """A fitted division in robust units; segments are numbered from 1 in the order of the centres."""

    method: str
    centres: Floats
    """Segments by features."""
    weights: tuple[float, ...] = ()
    """Share of each component of a mixture; empty otherwise."""
    precisions: tuple[Any, ...] = ()
    """Cholesky factors of the components' precisions; empty without a mixture."""
    tree: Tree | None = None
    n_learned: int = 0
    """Customers the centres were learned from."""
    notes: tuple[str, ...] = field(default=())

    @property
    def k(self) -> int:
        """Number of segments."""
        return len(self.centres)

    def renumbered(self, order: list[int]) -> Division:
        """The same division with its segments in another order."""
        return Division(
            method=self.method,
            centres=self.centres[order],
            weights=tuple(self.weights[place] for place in order) if self.weights else (),
            precisions=tuple(self.precisions[place] for place in order) if self.precisions else (),
            tree=self.tree,
            n_learned=self.n_learned,
            notes=self.notes,
        )

    def to_json(self) -> dict[str, Any]:
        """Everything needed to assign again."""
        tree = self.tree
        return {
            "method": self.method,
            "centres": self.centres.tolist(),
            "weights": list(self.weights),
            "precisions": [np.asarray(part).tolist() for part in self.precisions],
            "tree": None
            if tree is None
            else {
                "centres": tree.centres, "sizes": tree.sizes, "merges": tree.merges, "n_sampled": tree.n_sampled,
            },
            "n_learned": self.n_learned,
            "notes": list(self.notes),
        }  # fmt: skip

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Division:
        """The division that :meth:`to_json` described."""
        tree = stored["tree"]
        return cls(
            method=stored["method"],
            centres=np.asarray(stored["centres"], dtype=np.float64),
            weights=tuple(stored["weights"]),
            precisions=tuple(np.asarray(part) for part in stored["precisions"]),
            tree=None
            if tree is None
            else Tree(
                centres=tuple(map(tuple, tree["centres"])),
                sizes=tuple(tree["sizes"]),
                merges=tuple((int(one), int(other), float(height)) for one, other, height in tree["merges"]),
                n_sampled=tree["n_sampled"],
            ),
            n_learned=stored["n_learned"],
            notes=tuple(stored["notes"]),
        )


def fit_division(matrix: Matrix, k: int, *, method: str = "kmeans", seed: int = 7) -> Division:
    """Divide customers, given in the order of their ids, into ``k`` segments numbered by size, the largest first.

    The same rows and seed give the same segments. InputError when ``k`` is out of range, NotEnoughData when there are
    fewer different customers than segments.
    """
    if method not in get_args(Method):
        raise unknown_name("method", method, METHODS)
    require_distinct(matrix, k)
    fit = {"kmeans": _kmeans, "ward": _ward, "mixture": _mixture}[method]
    division = fit(matrix, k, seed)
    sizes = np.bincount(assign(division, matrix)[0] - 1, minlength=division.k)
    order = sorted(range(division.k), key=lambda place: (-sizes[place], division.centres[place].tolist()))
    return division.renumbered(order)


def require_distinct(matrix: Matrix, k: int) -> None:
    """Raise when customers cannot be divided into ``k`` segments."""
    if not 2 <= k <= K_MOST:
        raise InputError(f"{k} segments were asked for; choose from 2 to {K_MOST}.")
    n_distinct = len(np.unique(matrix[:5_000], axis=0))
    if n_distinct < k:
        n_distinct = len(np.unique(matrix, axis=0))
    if n_distinct < k:
        raise NotEnoughData(
            f"the {len(matrix):,} customers have only {n_distinct} different sets of values, too few for {k} segments; "
            "choose fewer segments or more features."
        )


def assign(division: Division, matrix: Matrix | Floats) -> tuple[NDArray[np.int32], NDArray[np.float32] | None]:
    """Number of each customer's segment, and its probability where the method has one.

    The nearest centre wins; of a mixture, the most probable component. A tie goes to the lower number.
    """
    numbers = np.empty(len(matrix), dtype=np.int32)
    probability = np.empty(len(matrix), dtype=np.float32) if division.weights else None
    for start in range(0, len(matrix), CHUNK):
        rows = matrix[start : start + CHUNK].astype(np.float64)
        if probability is None:
            numbers[start : start + CHUNK] = squared_distances(rows, division.centres).argmin(axis=1) + 1
        else:
            chances = _chances(division, rows)
            numbers[start : start + CHUNK] = chances.argmax(axis=1) + 1
            probability[start : start + CHUNK] = chances.max(axis=1)
    return numbers, probability


def squared_distances(rows: Floats, centres: Floats) -> Floats:
    """Squared distance of every row to every centre."""
    return np.column_stack([((rows - centre) ** 2).sum(axis=1) for centre in centres])


def draw_rows(n: int, n_most: int, seed: int) -> NDArray[np.int64]:
    """Places of a sample, in order; all when there are no more."""
    if n <= n_most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, n_most, replace=False))


def _chances(division: Division, rows: Floats) -> Floats:
    """Probability of each component (McLachlan and Peel 2000, section 2.8)."""
    logs = []
    for weight, centre, factor in zip(division.weights, division.centres, division.precisions, strict=True):
        standard = (rows - centre) @ factor
        logs.append(np.log(weight) + np.log(np.diag(factor)).sum() - 0.5 * (standard**2).sum(axis=1))
    stacked = np.column_stack(logs)
    stacked = np.exp(stacked - stacked.max(axis=1, keepdims=True))
    return np.asarray(stacked / stacked.sum(axis=1, keepdims=True))


def _kmeans(matrix: Matrix, k: int, seed: int) -> Division:
    from sklearn.cluster import KMeans, MiniBatchKMeans

    note: tuple[str, ...] = ()
    if len(matrix) > MINI_BATCH_ABOVE:
        learner = MiniBatchKMeans(k, n_init=3, batch_size=BATCH, max_iter=5, compute_labels=False, random_state=seed)
        model = learner.fit(matrix)
        note = (f"Learned from batches of {BATCH:,}: there are more than {MINI_BATCH_ABOVE:,} customers.",)
    else:
        model = KMeans(k, n_init=6, random_state=seed).fit(matrix)
    return Division(
        method="kmeans", centres=model.cluster_centers_.astype(np.float64), n_learned=len(matrix), notes=note
    )


def _mixture(matrix: Matrix, k: int, seed: int) -> Division:
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    rows = matrix[draw_rows(len(matrix), N_MIXTURE, seed)].astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = GaussianMixture(k, reg_covar=0.01, n_init=2, max_iter=200, random_state=seed).fit(rows)
    notes = [] if model.converged_ else ["The mixture was still moving after 200 steps; read its segments with care."]
    if len(rows) < len(matrix):
        notes.append(f"Learned from {len(rows):,} of {len(matrix):,} customers, drawn by chance.")
    return Division(
        method="mixture",
        centres=model.means_,
        weights=tuple(model.weights_.tolist()),
        precisions=tuple(model.precisions_cholesky_),
        n_learned=len(rows),
        notes=tuple(notes),
    )


def _ward(matrix: Matrix, k: int, seed: int) -> Division:
    from scipy.cluster.hierarchy import fcluster, linkage

    rows = matrix[draw_rows(len(matrix), N_TREE, seed)].astype(np.float64)
    require_distinct(rows.astype(np.float32), k)
    joined = linkage(rows, method="ward")
    n_leaves = min(N_LEAVES, len(rows))
    branch = fcluster(joined, n_leaves, criterion="maxclust") - 1
    tree = _upper_tree(rows, branch, joined)
    groups = tree.cut(k)
    centres = [
        np.average([tree.centres[leaf] for leaf in leaves], axis=0, weights=[tree.sizes[leaf] for leaf in leaves])
        for leaves in groups
    ]
    note = (
        f"The tree was grown from {len(rows):,} of {len(matrix):,} customers; everybody is in the segment with the "
        "nearest centre.",
    )
    return Division(method="ward", centres=np.array(centres), tree=tree, n_learned=len(rows), notes=note)


def _upper_tree(rows: Floats, branch: NDArray[np.int32], joined: Floats) -> Tree:
    """The branches and how they join above them; branches that join at height 0 count as one."""
    n_rows, n_branches = len(rows), int(branch.max()) + 1
    member_of: dict[int, int] = dict(enumerate(branch.tolist()))
    renamed = {leaf: leaf for leaf in range(n_branches)}
    merges: list[tuple[int, int, float]] = []
    for step, (one, other, height, _) in enumerate(joined):
        left, right = member_of.pop(int(one)), member_of.pop(int(other))
        member_of[n_rows + step] = left
        if renamed.get(left, left) != renamed.get(right, right):
            merges.append((renamed[left], renamed[right], float(height)))
            made = n_branches + len(merges) - 1
            renamed = {key: made if value in merges[-1][:2] else value for key, value in renamed.items()}
    sizes = np.bincount(branch, minlength=n_branches)
    return Tree(
        centres=tuple(tuple(rows[branch == leaf].mean(axis=0).tolist()) for leaf in range(n_branches)),
        sizes=tuple(sizes.tolist()),
        merges=tuple(merges),
        n_sampled=n_rows,
    )
