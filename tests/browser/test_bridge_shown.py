"""Why the forecast changed, as a planner reads it in a real browser."""

from __future__ import annotations

from dataclasses import replace

from boards import changes_of_board, revisions_of_board
from chromium import Open
from playwright.sync_api import expect
from reader import control, gives, reads, says

from skucast.dashboard.board import Board


def test_the_change_is_told_from_the_total_to_one_combination(board: Board, open_page: Open) -> None:
    """A bridge from the last run to this one that arrives, for any weeks; what moved most leads to its place."""
    told = replace(board, changes=changes_of_board(board), revisions=revisions_of_board(board))
    page = open_page(told, charts=True, view="planner")
    says(page.locator("#bridge-lead"), "All units and channels: from the forecast made at 8 Nov to that of 15 Nov")
    says(page.locator("#bridge-lead"), "-920")  # 15 combinations, 30 a week less in two weeks, one 10 more
    gives(page, "document.getElementById('bridge').data[0].x", [6000, -900, -20, 5080])
    says(page.locator("#movers li").first, "the promotion of 20 % from 20 Nov to 25 Nov was withdrawn (-20)")
    page.locator("#bridge-week label", has_text="22 Nov").click()
    gives(page, "document.getElementById('bridge').data[0].x", [3000, -450, -10, 2540])
    reads(page.locator("#movers .moved").first, "-40")
    page.locator("#movers a").first.click()
    page.locator("#bridge-of label", has_text="Combination").click()
    gives(page, "document.getElementById('bridge').data[0].x", [200, -30, -10, 160])
    page.locator("#bridge-run label", has_text="Run of").first.click()
    says(page.locator("#bridge"), "This run left it as it was.")
    page.locator("#bridge-of label", has_text="Total").click()
    says(page.locator("#bridge-lead"), "changed nothing of the one made at")
    page.locator("#bridge-run label", has_text="Run of").last.click()
    says(page.locator("#bridge-lead"), "changed of the one made at")
    gives(page, "document.getElementById('bridge').data[0].x", [6000, -900, -20, 5080])
    control(page, "sku").fill("no such article")
    expect(page.locator("#no-movers")).to_be_visible()
