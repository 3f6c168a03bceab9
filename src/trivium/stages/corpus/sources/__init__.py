"""Where documents come from: WARC and WET files, folders of one's own documents, JSON lines, Parquet.

A source is named by a path; what it is shows in its file names. Every reader gives `Page`s and loses none: a document
that cannot be read is a page with a reason.
"""
