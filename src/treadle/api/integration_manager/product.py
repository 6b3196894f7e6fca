"""What this installation is; open to everybody."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from treadle import __version__
from treadle.api.bodies import EdgeRoute
from treadle.api.wire import Camel, camel_case

router: Final = APIRouter(route_class=EdgeRoute, tags=["Product"])


class ProductInfo(Camel):
    """The product and its version."""

    model_config = camel_case(example={"name": "Treadle", "version": "0.1.0"})

    name: str
    version: str


_INFO: Final = ProductInfo(name="Treadle", version=__version__)


@router.get("/api/product/info", summary="Get the product's version", operation_id="getProductInfo")
async def get_product_info() -> ProductInfo:
    """The name and version of what answers here. No credential is needed."""
    return _INFO
