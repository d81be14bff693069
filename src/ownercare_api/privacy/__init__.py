"""Rights of the persons concerned, keys of personal fields, records of sharing (个人信息保护)."""
