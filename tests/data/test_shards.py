"What each of several processes takes of a data loader"
import pytest
import torch
from torch.utils.data import DataLoader as TorchDataLoader, TensorDataset

from fastlearn.data.augment import aug_transforms
from fastlearn.data.dataloader import DataLoader
from fastlearn.data.dataset import ImageDataset
from fastlearn.data.images import Resize
from fastlearn.data.labels import LabelSpec
from fastlearn.data.shards import sequential, Shard, shard


@pytest.mark.parametrize('of', [1, 2, 3, 5])
@pytest.mark.parametrize('n', [1, 4, 7, 12, 23])
def test_nobody_learns_or_measures_what_another_does(n, of):
    data = ImageDataset([torch.zeros(3, 8, 8)]*n, [float(i) for i in range(n)], LabelSpec('number'),
                        item_tfms=Resize(8))
    def seen(loader, to_learn):
        shares = [Shard(loader, to_learn, number, of) for number in range(of)]
        found = []
        for share in shares:
            loader.set_epoch(3)
            found.append([targets.flatten().int().tolist() for _, targets in share])
        return shares, found
    shares, found = seen(DataLoader(data, 3, workers=0), to_learn=False)
    assert sorted(i for part in found for batch in part for i in batch) == list(range(n))
    assert {len(share) for share in shares} == {max(map(len, found))}

    loader = DataLoader(data, min(3, n), training=True, workers=0)
    shares, found = seen(loader, to_learn=True)
    whole = [targets.flatten().int().tolist() for _, targets in loader.batches(3)]
    assert {len(share) for share in shares} == set(map(len, found)) == {len(whole)//of}
    assert [batch for step in zip(*found) for batch in step] == whole[:len(whole)//of*of]


def test_a_loader_of_pytorch_has_to_share_by_itself(monkeypatch):
    monkeypatch.setattr('fastlearn.data.shards.world_size', lambda: 2)
    loader = TorchDataLoader(TensorDataset(torch.zeros(4, 3, 8, 8), torch.zeros(4)), batch_size=2, shuffle=True)
    with pytest.raises(ValueError, match='each of the 2 processes would train on the same .*DistributedSampler'):
        shard(loader, to_learn=True)
    assert shard(loader, to_learn=False) is loader


def test_a_process_gets_its_shard_and_all_of_it_if_it_is_alone(monkeypatch):
    loader = DataLoader(ImageDataset([torch.zeros(3, 8, 8)]*12), 3, workers=0)
    assert shard(loader, to_learn=True) is loader
    monkeypatch.setattr('fastlearn.data.shards.world_size', lambda: 3)
    monkeypatch.setattr('fastlearn.data.shards.rank', lambda: 2)
    part = shard(loader, to_learn=False)
    assert (part.loader, part.to_learn, part.number, part.of) == (loader, False, 2, 3)


@pytest.mark.parametrize('training, shuffle', [(True, True), (True, False), (False, True), (False, False)])
def test_sequential_gives_all_pictures_unchanged_in_their_order(training, shuffle):
    data = ImageDataset(list(torch.rand(7, 3, 8, 8)), [float(i) for i in range(7)], LabelSpec('number'))
    loader = DataLoader(data, 3, training=training, shuffle=shuffle, batch_tfms=aug_transforms() if training else (),
                        normalize=None, workers=0)
    found = list(sequential(loader))
    assert torch.cat([targets for _, targets in found]).flatten().tolist() == list(range(7))
    pixels = torch.stack([torch.tensor(data.pixels(i)) for i in range(7)]).permute(0, 3, 1, 2)/255
    torch.testing.assert_close(torch.cat([images for images, _ in found]), pixels)
    assert (sequential(loader) is loader) == (not training and not shuffle) and sequential(found) is found
