"How round discs are, and how much of their image they cover; needs nothing but PyTorch"
import torch


def measure_discs(images: torch.Tensor) -> dict:
    "Of the discs that are whole: the largest and smallest share of the image, and the largest ratio of two axes"
    light = images.mean(1).double()
    edge = torch.cat([light[:, 0], light[:, -1], light[:, :, 0], light[:, :, -1]], 1).amax(1)
    light = light[edge < .02]
    total = light.sum((1, 2))
    grid = torch.arange(light.shape[-1]).double()
    cx, cy = (light.sum(1)*grid).sum(1)/total, (light.sum(2)*grid).sum(1)/total
    dx, dy = grid[None, None] - cx[:, None, None], grid[None, :, None] - cy[:, None, None]
    a, b, c = ((light*one).sum((1, 2))/total for one in (dx*dx, dx*dy, dy*dy))
    root = ((a - c)**2/4 + b*b).sqrt()
    ratio = (((a + c)/2 + root)/((a + c)/2 - root)).sqrt()
    share = total/light[0].numel()
    return {'whole': len(light), 'least': float(share.min()), 'most': float(share.max()),
            'median': float(share.median()), 'ratio': float(ratio.max())}
