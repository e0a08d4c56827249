"""Settings of nbgrader for this course; run its commands in this folder."""

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "denoising"
c.ExecutePreprocessor.timeout = 600  # seconds for a cell, on a slow machine
