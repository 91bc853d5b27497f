from bench.ceilings import REPEATS, measure_ceilings


def test_the_ceilings_of_a_cpu():
    products, copies = measure_ceilings("cpu")
    assert (products.name, products.unit) == ("ceiling: float32 matrix product", "GFLOP/s")
    assert (copies.name, copies.unit) == ("ceiling: memory bandwidth", "GB/s")
    assert len(products.samples) == len(copies.samples) == REPEATS
    assert min(*products.samples, *copies.samples) > 0
