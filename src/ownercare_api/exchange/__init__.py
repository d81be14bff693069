"""Rosters go in and out: imports checked row by row, exports approved, neutralised and logged (导入导出)."""
