"""Mistakes in a declaration stop the process that makes them."""

from __future__ import annotations

import pytest
from ninja import Router

from watchword.control.api.operation import Answer, Call, operation
from watchword.control.api.urls import OPERATIONS
from watchword.control.base.actor import Privilege


def test_operation_without_a_right_is_no_operation() -> None:
    with pytest.raises(RuntimeError, match="declare what it reads"):
        operation(Router(), "GET", "/nothing")


def test_two_operations_cannot_have_one_name() -> None:
    def list_organizations(call: Call) -> Answer:
        return Answer()

    before = dict(OPERATIONS)
    with pytest.raises(RuntimeError, match="two operations are called list_organizations"):
        operation(Router(), "GET", "/nothing", reads=Privilege.OPERATOR)(list_organizations)
    assert before == OPERATIONS
